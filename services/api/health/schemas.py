"""What the health routes answer."""

from typing import Literal

from services.api.http.schemas import AnswerModel


class Live(AnswerModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


class Ready(AnswerModel):
    """Whether it can do its work, and what that depends on."""

    ready: bool
    checks: dict[str, bool]
