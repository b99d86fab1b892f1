"""Runs one action of a file as fail2ban does, with its tags replaced: ban.py FILE ACTION ADDRESS WEIR SOCKET BANTIME."""
import configparser
import re
import subprocess
import sys

file, action, address, weir, socket, bantime = sys.argv[1:7]
parser = configparser.RawConfigParser(strict=False)
parser.read(file)
values = dict(parser["Definition"]) | dict(parser["Init"])
if ":" in address:
    values |= dict(parser["Init?family=inet6"])
values |= {"weir": weir, "run": socket, "ip": address, "bantime": bantime}
command = values[action]
while tags := [tag for tag in re.findall(r"<(\w+)>", command) if tag in values]:
    for tag in tags:
        command = command.replace(f"<{tag}>", values[tag])
sys.exit(subprocess.run(["/bin/sh", "-c", command]).returncode)
