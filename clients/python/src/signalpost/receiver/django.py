"""Verified events for views of Django (the application brings it).

    @signed(Verifier(settings.WEBHOOK_SECRET))
    def hook(request: HttpRequest, event: ReceivedEvent) -> HttpResponse: ...

Views may be `async def`. The decorator exempts the view from the CSRF check: a signature says more than a cookie.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from signalpost.receiver.errors import MalformedBody, NotVerified
from signalpost.receiver.verifier import ReceivedEvent, Verifier

View = Callable[..., Any]


def signed(verifier: Verifier) -> Callable[[View], View]:
    """Call a view with the verified event as its second argument, or answer 401 or 400 without calling it.

    Django itself refuses a body above DATA_UPLOAD_MAX_MEMORY_SIZE (2.5 MiB, which is enough).
    """

    def decorate(view: View) -> View:
        if inspect.iscoroutinefunction(view):

            @wraps(view)
            async def asynchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                event = _receive(verifier, request)
                return await view(request, event, *args, **kwargs) if isinstance(event, ReceivedEvent) else event

            return _exempt(asynchronous)

        @wraps(view)
        def synchronous(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            event = _receive(verifier, request)
            return view(request, event, *args, **kwargs) if isinstance(event, ReceivedEvent) else event

        return _exempt(synchronous)

    return decorate


def _receive(verifier: Verifier, request: HttpRequest) -> ReceivedEvent | HttpResponse:
    try:
        return verifier.receive(request.headers, request.body)
    except NotVerified as error:
        return HttpResponse(str(error), status=401, content_type="text/plain")
    except MalformedBody as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")


def _exempt(view: View) -> View:
    exempted: View = csrf_exempt(view)
    return exempted
