"""What a tenant may read and change of its own; every call takes the tenant, or a scope that holds it."""
