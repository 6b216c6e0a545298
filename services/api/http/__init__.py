"""What all resources share: who calls, errors, paging, limits, the OpenAPI document."""
