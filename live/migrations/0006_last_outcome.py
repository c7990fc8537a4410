from django.conf import settings
from django.db import migrations, models
from django.db.models import Count, Max, Min, Q

# As live.connections.failures had it when this was written.
_NO_FAILURES = (
    *("", "server_shutdown", "disconnected", "token_revoked", "account_disabled"),
    *("username_missing", "bad_request"),
)


def fill(apps, schema_editor):
    """Read the log once: accounts have had connections before."""
    using = schema_editor.connection.alias
    outcomes = apps.get_model("live", "LastOutcome").objects.using(using)
    model = outcomes.model
    log = (
        apps.get_model("live", "ConnectionLog")
        .objects.using(using)
        .filter(account__isnull=False, closed_at__isnull=False, is_test=False)
        .order_by()
    )
    failed = log.exclude(error_code__in=_NO_FAILURES)
    worked = log.filter(error_code="", frames_sent__gt=0)
    successes = dict(worked.values_list("account").annotate(Max("closed_at")))
    made = {pk: model(account_id=pk, succeeded_at=at) for pk, at in successes.items()}
    for account_id in failed.values_list("account", flat=True).distinct():
        one = made.setdefault(account_id, model(account_id=account_id))
        of_account = failed.filter(account=account_id)
        one.failed_connection, one.failed_at, one.error_code = of_account.order_by(
            "-opened_at", "-pk"
        ).values_list("pk", "closed_at", "error_code")[0]
        since = Q() if one.succeeded_at is None else Q(closed_at__gt=one.succeeded_at)
        found = of_account.filter(since).aggregate(first=Min("closed_at"), number=Count("pk"))
        one.failing_since, one.failures = found["first"], found["number"]
    outcomes.bulk_create(made.values(), batch_size=500)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_lives"),
        ("live", "0005_attempts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LastOutcome",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=models.CASCADE,
                        primary_key=True,
                        related_name="last_outcome",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="account",
                    ),
                ),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("error_code", models.CharField(blank=True, max_length=32)),
                ("failed_connection", models.BigIntegerField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddIndex(
            model_name="connectionlog",
            index=models.Index(
                condition=models.Q(closed_at=None),
                fields=["account"],
                name="connection_open_account",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
