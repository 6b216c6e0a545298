"""Templates: what customers may write, and what no value can break out of."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.mail import defaults
from shared.mail.errors import TemplateRefused
from shared.mail.kinds import SIZE_LIMITS, TEMPLATE_FIELDS, VARIABLES, MailKind, MailPart
from shared.mail.markup import check_markup
from shared.mail.samples import SAMPLES
from shared.mail.templates import SUBJECT_LIMIT, check_template, render
from shared.mail.values import CONTROL, DATA_LIMIT

EVENT, INVITED = MailKind.EVENT, MailKind.USER_INVITED


class _Tags(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[str]]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, [name for name, _ in attrs]))


def refusal(part: MailPart, text: str, kind: MailKind = EVENT) -> str:
    with pytest.raises(TemplateRefused) as refused:
        check_template(kind, part, text)
    assert refused.value.field == f"{kind}_{part}"
    return str(refused.value)


def test_the_fields_are_those_of_the_branding_document() -> None:
    assert sorted(TEMPLATE_FIELDS) == [
        "billing_export_ready_html",
        "billing_export_ready_subject",
        "billing_export_ready_text",
        "event_html",
        "event_subject",
        "event_text",
        "user_invited_html",
        "user_invited_subject",
        "user_invited_text",
    ]


@pytest.mark.parametrize("kind", MailKind)
def test_every_known_variable_can_be_used_with_and_without_spaces(kind: MailKind) -> None:
    for name in VARIABLES[kind]:
        for part in MailPart:
            check_template(kind, part, f"{{{{{name}}}}} and {{{{ {name}  }}}}")


def test_an_unknown_variable_is_refused_by_name_with_the_list_of_known_ones() -> None:
    said = refusal(MailPart.TEXT, "Hello {{ foo }}", INVITED)
    assert "{{ foo }}" in said
    assert all(name in said for name in VARIABLES[INVITED])


@pytest.mark.parametrize(
    ("text", "offence"),
    [
        ("{% if role %}", "{%"),
        ("{# note #}", "{#"),
        ("{{#role}}x", "{{#role}}"),
        ("x{{/role}}", "{{/role}}"),
        ("{{?role}}x", "{{?role}}"),
        ("{{a.b}}", "{{a.b}}"),
        ("{{role|upper}}", "{{role|upper}}"),
        ("{{ }}", "{{ }}"),
        ("{{'x'}}", "{{'x'}}"),
        ("{{role", "{{role"),
        ("role}}", "}}"),
        ("{{{role}}", "{{{role}}"),
        ("{{{role}}}", "{{{role}}}"),
        ("{{ro\nle}}", "{{ro"),
        ("{{" * 1000, "{{{{"),
    ],
)
def test_anything_but_a_plain_variable_is_refused_and_quoted(text: str, offence: str) -> None:
    for part in (MailPart.TEXT, MailPart.HTML):
        assert f": {offence}" in refusal(part, text, INVITED)


def test_single_braces_and_style_sheets_are_fine() -> None:
    check_template(INVITED, MailPart.HTML, "<style>@media x { p{width:100%} }</style><p>{ok} {{role}}</p>")
    check_template(INVITED, MailPart.TEXT, "a { b } c\r\n\tindented")


@pytest.mark.parametrize("text", ["two\nlines", "two\rlines", "a\ttab", "a\x00b", "a\u2028b", "a\x85b"])
def test_a_subject_is_one_line(text: str) -> None:
    assert "control character" in refusal(MailPart.SUBJECT, text)


@pytest.mark.parametrize("part", [MailPart.TEXT, MailPart.HTML])
def test_a_body_holds_no_control_characters_but_line_breaks_and_tabs(part: MailPart) -> None:
    assert "control character" in refusal(part, "a\x00b")


@pytest.mark.parametrize("part", MailPart)
def test_a_template_may_be_as_long_as_the_limit_and_no_longer(part: MailPart) -> None:
    check_template(EVENT, part, "x" * SIZE_LIMITS[part])
    assert str(SIZE_LIMITS[part]) in refusal(part, "x" * (SIZE_LIMITS[part] + 1))


def test_the_limit_of_a_body_is_in_octets() -> None:
    refusal(MailPart.TEXT, "ü" * (SIZE_LIMITS[MailPart.TEXT] // 2 + 1))


@pytest.mark.parametrize(
    "markup",
    [
        "<a href={{accept_url}}>x</a>",
        "<p title=a{{role}}>x</p>",
        "<p {{role}}>x</p>",
        "<p{{role}}>x</p>",
        "<{{role}}>x",
        "</{{role}}>",
        "<script>let role = '{{role}}'</script>",
        "<style>p::after { content: '{{role}}' }</style>",
        "<p onclick=\"go('{{role}}')\">x</p>",
        '<a href="{{role}}">x</a>',
        '<a href=" {{ email }}/x">x</a>',
        "<img src='{{organization_name}}'>",
    ],
)
def test_a_variable_where_escaping_does_not_help_is_refused(markup: str) -> None:
    refusal(MailPart.HTML, markup, INVITED)


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="{{accept_url}}">{{role}}</a>',
        "<img src='{{ logo_url }}' alt=\"{{app_name}} > you\">",
        '<a href="mailto:{{email}}?subject={{role}}">x</a>',
        '<a href="https://example.com/?role={{role}}">x</a>',
        "<!-- {{role}} --><pre>{{role}}</pre><title>{{role}}</title>",
        "1 < 2 {{role}} <",
    ],
)
def test_a_variable_in_text_or_in_quotes_is_accepted(markup: str) -> None:
    check_template(INVITED, MailPart.HTML, markup)


@pytest.mark.parametrize("kind", MailKind)
@pytest.mark.parametrize("filled", [True, False], ids=["all variables", "none"])
def test_built_in_mails_are_complete_and_leave_no_braces(kind: MailKind, filled: bool) -> None:
    mail = render(kind, None, SAMPLES[kind] if filled else {})
    assert mail.subject
    assert "{{" not in mail.subject + mail.text + mail.html
    assert "<!--" not in mail.html
    assert "Signalpost" in mail.text
    assert "Signalpost" in mail.html
    urls = [value for name, value in SAMPLES[kind].items() if name.endswith("_url")]
    for url in urls if filled else []:
        assert str(url) in mail.text
        assert f'href="{url}"' in mail.html


@pytest.mark.parametrize("kind", MailKind)
def test_built_in_templates_obey_the_rules_for_customers_markup(kind: MailKind) -> None:
    everything = dict.fromkeys(VARIABLES[kind], "x")
    check_markup(kind, defaults.choose_sections(defaults.template(kind, MailPart.HTML), everything))


def test_the_logo_is_shown_only_if_there_is_one() -> None:
    logo = "https://cdn.example.com/logo.png"
    assert f'<img src="{logo}"' in render(INVITED, None, {"logo_url": logo}).html
    assert "<img" not in render(INVITED, None, {}).html


def test_each_part_falls_back_on_its_own() -> None:
    ours = render(INVITED, None, SAMPLES[INVITED])
    mail = render(INVITED, {"user_invited_subject": "Hi {{email}}", "user_invited_html": ""}, SAMPLES[INVITED])
    assert mail.subject == "Hi ana@example.com"
    assert (mail.text, mail.html) == (ours.text, ours.html)


def test_a_subject_closes_the_gap_of_an_empty_variable_and_stays_one_line() -> None:
    assert render(INVITED, {"user_invited_subject": " Join {{role}} us\r\nnow "}, {}).subject == "Join us now"


def test_the_words_of_a_confirmation_stay_ours() -> None:
    mail = render(MailKind.CONFIRM_SUBSCRIPTION, {"confirm_subscription_subject": "Prize!"}, {})
    assert mail.subject == "Confirm that Signalpost may write to you"


def test_a_stored_template_with_an_unknown_variable_is_refused_when_rendered() -> None:
    with pytest.raises(TemplateRefused, match="gone"):
        render(EVENT, {"event_text": "{{gone}}"}, {})


def test_values_are_escaped_in_html_and_nowhere_else() -> None:
    templates = {f"user_invited_{part}": "{{role}}" for part in MailPart}
    mail = render(INVITED, templates, {"role": "<b title=\"x\" id='y'>&amp;"})
    assert mail.subject == mail.text == "<b title=\"x\" id='y'>&amp;"
    assert mail.html == "&lt;b title=&quot;x&quot; id=&#x27;y&#x27;&gt;&amp;amp;"


def test_a_value_is_never_a_template() -> None:
    mail = render(INVITED, {"user_invited_text": "{{role}}"}, {"role": "{{email}}", "email": "ana@example.com"})
    assert mail.text == "{{email}}"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https:evil",
        "https://evil.example/ onload=x",
        "ftp://example.com/",
        17,
        None,
    ],
)
def test_a_url_that_is_not_http_is_rendered_empty(url: object) -> None:
    templates = {"user_invited_html": '<a href="{{accept_url}}">x</a>', "user_invited_text": "{{accept_url}}"}
    mail = render(INVITED, templates, {"accept_url": url})
    assert (mail.html, mail.text) == ('<a href="">x</a>', "")


def test_a_url_keeps_its_query_and_its_quotes_are_escaped() -> None:
    mail = render(INVITED, {"user_invited_html": "{{accept_url}}"}, {"accept_url": "HTTPS://x.example/?a=1&b='\""})
    assert mail.html == "HTTPS://x.example/?a=1&amp;b=&#x27;&quot;"


def test_data_is_indented_and_no_number_changes() -> None:
    raw = b'{"b":12345678901234567890123,"a":1.10,"\xc3\xbc":[true]}'
    mail = render(EVENT, {"event_text": "{{data}}"}, {"data": raw})
    assert mail.text == '{\n  "b": 12345678901234567890123,\n  "a": 1.10,\n  "ü": [\n    true\n  ]\n}'
    assert render(EVENT, {"event_text": "{{data}}"}, {"data": {"a": [1]}}).text == '{\n  "a": [\n    1\n  ]\n}'


def test_data_too_long_for_a_mail_is_shortened() -> None:
    text = render(EVENT, {"event_text": "{{data}}"}, {"data": {"a": "x" * 100_000}}).text
    assert len(text) < DATA_LIMIT + 100
    assert text.endswith("(shortened)")


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21 10:00 UTC"),
        ("2026-11-21T10:00:00+02:00", "2026-11-21 08:00 UTC"),
        ("2026-11-21", "2026-11-21"),
        ("Today", "Today"),
    ],
)
def test_times_are_written_for_people(given: str, shown: str) -> None:
    assert render(EVENT, {"event_text": "{{event_time}}"}, {"event_time": given}).text == shown


NASTY = st.text(alphabet=st.sampled_from("<>\"'&={}/ \r\n\t\x00\u2028\ud800=?aé-!"), min_size=1) | st.text(min_size=1)


@given(st.dictionaries(st.sampled_from(VARIABLES[EVENT]), NASTY.map(lambda value: f"x{value}")))
def test_no_value_adds_a_tag_an_attribute_or_a_line_to_the_subject(values: dict[str, str]) -> None:
    mail = render(EVENT, None, values)
    harmless = render(EVENT, None, dict.fromkeys(values, "x"))
    assert _Tags(mail.html).seen == _Tags(harmless.html).seen
    assert not CONTROL.search(mail.subject)
    assert len(mail.subject) <= SUBJECT_LIMIT
    assert not CONTROL.search(mail.text.replace("\n", ""))
    mail.text.encode()
    mail.html.encode()


@given(st.text())
def test_whatever_is_accepted_can_be_rendered(text: str) -> None:
    for part in MailPart:
        try:
            check_template(EVENT, part, text)
        except TemplateRefused:
            continue
        render(EVENT, {f"event_{part}": text}, SAMPLES[EVENT])
