"""A tenant's branding: how its mails look."""

from fastapi import APIRouter

from services.api.branding.schemas import BrandingBody, Preview, PreviewRequest
from services.api.branding.service import body_of, checked_branding, preview
from services.api.http.auth_gate import ClientAdmin
from services.api.http.context import Context

router = APIRouter(prefix="/api/v1/branding", tags=["branding"])


@router.get("", name="get_branding")
async def get(context: Context, caller: ClientAdmin) -> BrandingBody:
    """Show the branding; one that was never set is all defaults."""
    return body_of(await context.branding.get(caller.tenant))


@router.put("", name="replace_branding")
async def replace(context: Context, caller: ClientAdmin, body: BrandingBody) -> BrandingBody:
    """Replace the branding. Each template is checked; 422 names every one that can't be used, and why."""
    branding = checked_branding(body)
    await context.branding.put(caller.tenant, branding)
    return body_of(branding)


@router.post("/preview", name="preview_branding")
async def preview_(context: Context, caller: ClientAdmin, body: PreviewRequest) -> Preview:
    """Render a mail with the saved branding or one that is not saved yet; nothing is stored or sent."""
    return await preview(context, caller.tenant, body)
