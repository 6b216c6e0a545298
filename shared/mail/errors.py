"""The error of an unusable template."""


class TemplateRefused(ValueError):
    """A template can't be used. `field` as in `email_templates`, `offence` the text at fault, `detail` why."""

    def __init__(self, field: str, offence: str, detail: str) -> None:
        super().__init__(f"{field}: {offence}: {detail}")
        self.field = field
        self.offence = offence
        self.detail = detail
