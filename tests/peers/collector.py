"""What tests/real_sdks.rs needs done to a real bugsink, apart from serving (gunicorn does that).

    collector.py template DIR           an empty, migrated bugsink with no project (once, by setup.sh)
    collector.py prepare TEMPLATE DIR NAME...
                                        a copy of it in DIR with one project per NAME; prints {NAME: [id, key]}
    collector.py events DIR             prints what is stored: {NAME: [{type, value, data}, ...]}

Everything is done by bugsink's own commands, run from its base folder, where its configuration is looked for.
"""

import json
import pathlib
import shutil
import subprocess
import sys

BIN = pathlib.Path(sys.executable).parent

MAKE_PROJECTS = """
import json
from projects.models import Project

made = {}
for name in %r:
    project = Project.objects.create(name=name, slug=name)
    made[name] = [project.id, project.sentry_key.hex]
print(json.dumps(made))
"""

LIST_EVENTS = """
import json
from events.models import Event
from projects.models import Project

stored = {project.name: [] for project in Project.objects.all()}
for event in Event.objects.all():
    stored[event.project.name].append({
        "type": event.calculated_type,
        "value": event.calculated_value,
        "data": event.get_parsed_data(),
    })
print(json.dumps(stored))
"""


def configure(base):
    """Write bugsink's `singleserver` configuration for `base`, digesting events within the request that brings them."""
    subprocess.run(
        [BIN / "bugsink-create-conf", "--template=singleserver", "--host=127.0.0.1", f"--base-dir={base}"],
        cwd=base, check=True, stdout=subprocess.DEVNULL,
    )
    conf = base / "bugsink_conf.py"
    text = conf.read_text()
    eager = text.replace('"TASK_ALWAYS_EAGER": False', '"TASK_ALWAYS_EAGER": True')
    if eager == text:
        sys.exit("collector.py: bugsink's configuration no longer has TASK_ALWAYS_EAGER")
    # No call home: this collector runs on loopback alone.
    conf.write_text(eager + '\nBUGSINK["PHONEHOME"] = False\n')


def manage(base, *arguments):
    """Run a management command in `base`; its last line of output."""
    done = subprocess.run([BIN / "bugsink-manage", *arguments], cwd=base, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"collector.py: bugsink-manage {arguments[0]} failed\n{done.stdout}{done.stderr}")
    return done.stdout.strip().rpartition("\n")[2]


def main():
    command, *arguments = sys.argv[1:]
    if command == "template":
        base = pathlib.Path(arguments[0])
        base.mkdir()
        configure(base)
        manage(base, "migrate")
        manage(base, "migrate", "--database=snappea")
    elif command == "prepare":
        template, base = map(pathlib.Path, arguments[:2])
        # The configuration names its base folder, so each copy gets its own.
        shutil.copytree(template, base, ignore=shutil.ignore_patterns("bugsink_conf.py", "__pycache__"))
        configure(base)
        print(manage(base, "shell", "-v", "0", "-c", MAKE_PROJECTS % arguments[2:]))
    elif command == "events":
        print(manage(pathlib.Path(arguments[0]), "shell", "-v", "0", "-c", LIST_EVENTS))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
