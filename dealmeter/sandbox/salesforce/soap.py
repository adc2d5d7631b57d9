"""The SOAP login, which Salesforce is about to end: `POST /services/Soap/u/{version}`."""

import re
from xml.sax.saxutils import escape, unescape

from dealmeter.sandbox.http import Answer, Request
from dealmeter.sandbox.salesforce.oauth import Credentials
from dealmeter.sandbox.salesforce.org import INTEGRATION_USER, Org
from dealmeter.sandbox.salesforce.tokens import Sessions

GONE_FROM = 65.0
_XML = "text/xml;charset=UTF-8"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
)
_TAIL = "</soapenv:Body></soapenv:Envelope>"


def login(request: Request, version: float, org: Org, sessions: Sessions, known: Credentials, url: str) -> Answer:
    """A session for a user name, and a password with the security token at its end."""
    if version >= GONE_FROM:
        return _fault("UNSUPPORTED_API_VERSION", "login() is not available in this version of the SOAP API.")
    if "soap" in known.disabled:
        return _fault("INVALID_OPERATION", "SOAP API login() is disabled by default in this org.")
    body = request.body.decode("utf-8", "replace")
    if _value(body, "username") != known.username or _value(body, "password") != known.password + known.security_token:
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    session = sessions.open(known.username)
    user, account = org.user(INTEGRATION_USER), org.world.account
    info = {
        "orgDefaultCurrencyIsoCode": "" if org.features.multi_currency else account.currency,
        "organizationId": org.id,
        "organizationMultiCurrency": str(org.features.multi_currency).lower(),
        "organizationName": account.name,
        "sessionSecondsValid": str(sessions.idle_seconds),
        "userEmail": known.username,
        "userFullName": "Integration User",
        "userId": user,
        "userName": known.username,
        "userTimeZone": org.zone.key,
    }
    listed = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in info.items())
    return Answer(
        200,
        (
            f"{_HEAD}<loginResponse><result><passwordExpired>false</passwordExpired><sandbox>true</sandbox>"
            f"<serverUrl>{url}/services/Soap/u/{version}/{org.id[:15]}</serverUrl>"
            f"<sessionId>{escape(session.token)}</sessionId><userId>{user}</userId>"
            f"<userInfo>{listed}</userInfo></result></loginResponse>{_TAIL}"
        ).encode(),
        content_type=_XML,
    )


def _value(body: str, name: str) -> str:
    found = re.search(rf"<(?:\w+:)?{name}>(.*?)</(?:\w+:)?{name}>", body, re.DOTALL)
    return unescape(found[1], {"&quot;": '"', "&apos;": "'"}) if found else ""


def _fault(code: str, message: str) -> Answer:
    return Answer(
        500,
        (
            f"{_HEAD}<soapenv:Fault><faultcode>sf:{code}</faultcode>"
            f"<faultstring>{code}: {escape(message)}</faultstring>"
            f'<detail><sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>'
            f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:LoginFault></detail>"
            f"</soapenv:Fault>{_TAIL}"
        ).encode(),
        content_type=_XML,
    )
