"""What requests and answers look like; the OpenAPI document is generated from here. Nothing here decides."""
