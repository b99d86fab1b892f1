# Sourced by every finding, never run: pinned packages in the temporary $folder that the finding has made, and a comparison that fails.
set -euo pipefail

here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
: "${folder:?the finding makes a temporary folder before it sources this}"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 LC_ALL=C TZ=UTC
failures=0

# deb NAME=VERSION… puts Debian packages into the folder and their programs first in PATH. Nothing is installed on the machine.
deb() {
    local package
    for package in "$@"; do
        apt-get -qq -o APT::Sandbox::User=root download "$package" >/dev/null || {
            echo "$package can't be had here: the finding is about exactly this version" >&2
            exit 2
        }
    done
    for package in ./*.deb; do dpkg-deb -x "$package" unpacked; done
    rm -f ./*.deb
    export PATH=$folder/unpacked/usr/sbin:$folder/unpacked/usr/bin:$folder/unpacked/sbin:$PATH
    export LD_LIBRARY_PATH=$folder/unpacked/usr/lib/$(uname -m)-linux-gnu
}

# pypi NAME==VERSION… does the same with packages of PyPI, for python3.
pypi() {
    python3 -m pip -q install --disable-pip-version-check --root-user-action=ignore --no-deps --target packages "$@" >/dev/null || {
        echo "$* can't be had here: the finding is about exactly this version" >&2
        exit 2
    }
    export PYTHONPATH=$folder/packages:$here
}

# expect WHAT SEEN WANTED
expect() {
    if [[ $2 == "$3" ]]; then
        printf 'seen: %s: %s\n' "$1" "${2//$'\n'/ | }"
    else
        printf 'CHANGED: %s\n  now:    %s\n  before: %s\n' "$1" "$2" "$3"
        failures=$((failures + 1))
    fi
}

finish() { ((failures == 0)); }
