from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("live", "0003_connection_indexes")]

    operations = [
        migrations.AddField(
            model_name="connectionlog",
            name="process",
            field=models.BigIntegerField(editable=False, null=True),
        ),
    ]
