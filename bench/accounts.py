"""Makes accounts for the streamers of `bench.standin.StandIn.go_live`: `-m bench.accounts COUNT`.

Prints their tokens. `manage.py add_account` would be a process for each.
"""

from __future__ import annotations

import json
import os
import sys

from bench.standin import STREAMER


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay_project.settings")
    django.setup()
    from django.db import transaction

    from accounts.models import AccessToken, User

    tokens = []
    with transaction.atomic():
        for number in range(int(sys.argv[1])):
            user = User(username=f"bench{number}", tiktok_username=f"{STREAMER}{number}")
            user.set_unusable_password()
            user.save()
            tokens.append(AccessToken.objects.issue(user)[1])
    print(json.dumps(tokens))


if __name__ == "__main__":
    main()
