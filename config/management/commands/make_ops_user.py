import getpass
import secrets
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.console.roles import ROLES
from socialpublishing import audit


class Command(BaseCommand):
    help = "Make a user of the console, with a random password that is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=sorted(ROLES), default="ops")
        parser.add_argument("--ask", action="store_true", help="ask for a password instead")

    def handle(self, *args: Any, name: str, role: str, ask: bool, **options: Any) -> None:
        user = User(username=name, is_staff=True)
        password = self._asked(user) if ask else secrets.token_urlsafe(15)
        user.set_password(password)
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            user.save()
            user.groups.add(Group.objects.get(name=role))
            after = {"username": name, "groups": [role]}
            audit.record(audit.Action.CREATED, actor=audit.COMMAND_LINE, row=user, after=after)
        self.stdout.write(f"{name} may sign in to the console with the role {role}.")
        if not ask:
            self.stdout.write(f"Password (shown only now): {password}")

    def _asked(self, user: User) -> str:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != password:
            raise CommandError("The two passwords differ.")
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        return password
