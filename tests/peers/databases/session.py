"""A session of so many seconds, as credential_process prints one; check.py knows its key."""

import datetime, json, os, secrets, sys

path = os.path.dirname(os.path.abspath(__file__)) + "/keys.json"
now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
ends = now + datetime.timedelta(seconds=int(sys.argv[1]))
key = {"id": "ASIA" + secrets.token_hex(8).upper(), "secret": secrets.token_urlsafe(30), "token": secrets.token_hex(8)}
keys = json.load(open(path)) if os.path.exists(path) else {}
keys[key["id"]] = {**key, "ends": ends.isoformat()}
with open(path + ".new", "w") as new:
    json.dump(keys, new)
os.rename(path + ".new", path)
shown = {"Version": 1, "AccessKeyId": key["id"], "SecretAccessKey": key["secret"], "SessionToken": key["token"]}
print(json.dumps({**shown, "Expiration": ends.isoformat() + "Z"}))
