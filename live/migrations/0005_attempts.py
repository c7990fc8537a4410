from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("live", "0004_process")]

    operations = [
        migrations.AddField(
            model_name="connectionlog",
            name="attempts",
            field=models.PositiveIntegerField(db_default=1, default=1, verbose_name="attempts"),
        ),
        migrations.AddIndex(
            model_name="connectionlog",
            index=models.Index(
                condition=models.Q(attempts__gt=1), fields=["opened_at"], name="connection_summed"
            ),
        ),
    ]
