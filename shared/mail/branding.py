"""How a tenant's mails look: name, logo and templates."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Branding:
    """What a tenant chose; empty means the built-in default."""

    app_name: str = ""
    logo_url: str = ""
    organization_name: str = ""
    email_templates: dict[str, str] = field(default_factory=dict)
