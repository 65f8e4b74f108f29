"""What PAM runs: is standard input a token that a key of keys.json signed for PAM_USER, not too long ago? The signature
is computed anew with botocore; a token that is too old, or whose session has ended, is refused. Each login is noted."""

import datetime, json, os, sys
from urllib.parse import parse_qsl, urlencode
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

folder = os.path.dirname(os.path.abspath(__file__))
token = sys.stdin.read().rstrip("\0\n")


def refusal():
    user = os.environ["PAM_USER"]
    address, _, query = token.partition("/?")
    given = dict(parse_qsl(query))
    key = json.load(open(folder + "/keys.json")).get(given.get("X-Amz-Credential", "").split("/")[0])
    if key is None:
        return "signed by a key that is not known"
    signed_at = datetime.datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    if not 0 <= (now - signed_at).total_seconds() + 1 <= 901:
        return "signed at another time"
    if now.timestamp() > datetime.datetime.fromisoformat(key["ends"]).timestamp():
        return "signed by a session that has ended"
    if given["DBUser"] != user or address != open(folder + "/address").read().strip():
        return "signed for another login"
    # Each of the two names of its clock's function is that of one version.
    clock = type("Clock", (datetime.datetime,), {"utcnow": classmethod(lambda _: signed_at)})
    botocore.auth.datetime = type("Module", (), {"datetime": clock})
    botocore.auth.get_current_datetime = lambda *_: signed_at
    region = given["X-Amz-Credential"].split("/")[2]
    credentials = Credentials(key["id"], key["secret"], key["token"])
    request = AWSRequest("GET", f"https://{address}/?" + urlencode({"Action": "connect", "DBUser": user}))
    botocore.auth.SigV4QueryAuth(credentials, "rds-db", region, expires=900).add_auth(request)
    right = dict(parse_qsl(request.prepare().url.partition("?")[2]))
    return None if right == given else "not the signature of this key"


why = refusal()
with open(folder + "/logins", "a") as logins:
    logins.write(why or "in " + token[-64:])
    logins.write("\n")
sys.exit(1 if why else 0)
