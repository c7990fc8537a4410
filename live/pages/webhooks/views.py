"""The pages of an account's webhooks.

All are about the webhooks of the account that is signed in; those of others do not exist here. A
secret is shown once, on the page that comes after a webhook was added or its secret renewed.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, gettext
from django.views.decorators.debug import sensitive_variables
from django.views.generic import FormView, TemplateView, View

from accounts.mixins import OwnPage
from accounts.models import User
from live.pages.mixins import FragmentMixin
from live.pages.webhooks.forms import WebhookForm
from live.webhooks import actions
from live.webhooks.jobs import body_of
from live.webhooks.models import MOST_EACH, Delivery, DeliveryState, Webhook

__all__ = [
    "AddWebhook",
    "ChangeWebhook",
    "DeleteWebhook",
    "RenewSecret",
    "SendAgain",
    "SendTest",
    "SwitchWebhook",
    "WebhookList",
    "WebhookPage",
]

# Deliveries on one page.
_SHOWN = 30


class OwnWebhooks(OwnPage):
    """A page about webhooks of the account that is signed in."""

    def hook(self) -> Webhook:
        """The webhook in the address.

        Raises:
            Http404: the account has no such webhook.
        """
        return get_object_or_404(Webhook, account=self.account, pk=self.kwargs["pk"])

    def tell_sender(self) -> None:
        """Have this process look for what is due, after the commit. Without that it is found
        within seconds."""
        relay = getattr(self.request, "scope", {}).get("relay")
        if relay is not None and relay.webhooks is not None:
            transaction.on_commit(relay.webhooks.wake)

    @sensitive_variables("secret")
    def show_secret(self, hook: Webhook, secret: str, *, is_new: bool) -> HttpResponse:
        context = {"hook": hook, "secret": secret, "is_new": is_new}
        return TemplateResponse(self.request, "live/webhooks/secret.html", context)


class WebhookList(OwnWebhooks, TemplateView):
    template_name = "live/webhooks/list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        hooks = Webhook.objects.filter(account=self.account)
        return super().get_context_data(hooks=hooks, most=MOST_EACH, **kwargs)


class AddWebhook(OwnWebhooks, FormView):  # type: ignore[type-arg]
    template_name = "live/webhooks/form.html"
    form_class = WebhookForm

    def form_valid(self, form: WebhookForm) -> HttpResponse:
        form.instance.account = self.account
        with transaction.atomic():
            # Whoever else adds one for the account waits here.
            User.objects.select_for_update().get(pk=self.account.pk)
            if Webhook.objects.filter(account=self.account).count() >= MOST_EACH:
                text = gettext("You have %(most)d webhooks: delete one first.")
                form.add_error(None, text % {"most": MOST_EACH})
                return self.form_invalid(form)
            hook = form.save()
        if hook.is_discord:  # which looks at no signature
            messages.success(self.request, gettext("The webhook has been added."))
            return redirect("webhook", hook.pk)
        return self.show_secret(hook, hook.secret, is_new=True)


class ChangeWebhook(OwnWebhooks, FormView):  # type: ignore[type-arg]
    template_name = "live/webhooks/form.html"
    form_class = WebhookForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "instance": self.hook()}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # What is stored, not the values that were refused.
        return super().get_context_data(hook=self.hook(), **kwargs)

    def form_valid(self, form: WebhookForm) -> HttpResponse:
        hook = form.save()
        messages.success(self.request, gettext("Saved."))
        return redirect("webhook", hook.pk)


class Shown(NamedTuple):
    """A delivery as a page shows it."""

    delivery: Delivery
    body: str


class WebhookPage(FragmentMixin, OwnWebhooks, TemplateView):
    """One webhook, with its last deliveries. The script asks for these again while some wait."""

    template_name = "live/webhooks/detail.html"
    fragment_name = "live/webhooks/state.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        hook = self.hook()
        deliveries = hook.deliveries.all()
        before = self.request.GET.get("before", "")
        if before.isascii() and before.isdigit() and len(before) < 19:
            deliveries = deliveries.filter(pk__lt=int(before))
        some = list(deliveries[: _SHOWN + 1])
        shown = [Shown(each, _indented(body_of(hook, each))) for each in some[:_SHOWN]]
        return super().get_context_data(
            hook=hook,
            deliveries=shown,
            older=some[_SHOWN - 1].pk if len(some) > _SHOWN else None,
            is_newest=not before,
            waiting=hook.deliveries.filter(state=DeliveryState.WAITING).count(),
            **kwargs,
        )


def _indented(body: str) -> str:
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


class RenewSecret(OwnWebhooks, TemplateView):
    """Asks for confirmation, then renews the secret with a POST and shows it once."""

    template_name = "live/webhooks/renew.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(hook=self.hook(), **kwargs)

    @method_decorator(sensitive_variables("secret"))
    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        hook = self.hook()
        secret = actions.renew_secret(hook, timezone.now())
        return self.show_secret(hook, secret, is_new=False)


class DeleteWebhook(OwnWebhooks, TemplateView):
    """Asks for confirmation, then deletes the webhook and its deliveries with a POST."""

    template_name = "live/webhooks/delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(hook=self.hook(), **kwargs)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.hook().delete()
        messages.success(request, gettext("The webhook has been deleted."))
        return redirect("webhooks")


class Action(OwnWebhooks, View):
    """Does something by a POST, and goes back to the webhook's page."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return redirect("webhook", self.hook().pk)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        hook = self.hook()
        with transaction.atomic():
            self.act(hook)
            self.tell_sender()
        return redirect("webhook", hook.pk)

    def act(self, hook: Webhook) -> None:
        raise NotImplementedError


class SwitchWebhook(Action):
    """Switches it on, with `on` in the form, or off."""

    def act(self, hook: Webhook) -> None:
        if self.request.POST.get("on"):
            actions.switch_on(hook, timezone.now())
            messages.success(self.request, gettext("The webhook is switched on."))
        else:
            actions.switch_off(hook)
            messages.success(self.request, gettext("The webhook is switched off."))


class SendTest(Action):
    def act(self, hook: Webhook) -> None:
        if not hook.is_enabled:
            messages.warning(self.request, gettext("Switch the webhook on first."))
            return
        actions.send_test(hook, self.account.language or get_language(), timezone.now())
        messages.success(self.request, gettext("A test is on its way: see below what is answered."))


class SendAgain(Action):
    def act(self, hook: Webhook) -> None:
        delivery = get_object_or_404(hook.deliveries, pk=self.kwargs["delivery"])
        if not hook.is_enabled:
            messages.warning(self.request, gettext("Switch the webhook on first."))
            return
        actions.send_again(hook, delivery, timezone.now())
        messages.success(self.request, gettext("It is sent again: see below what is answered."))
