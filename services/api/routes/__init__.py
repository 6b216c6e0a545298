"""The routes: thin, one module for each kind of object. `services.api.app` lists them."""
