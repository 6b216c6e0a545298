"""What a tenant may see and change of its own; every call here takes the tenant, or a scope that holds it."""
