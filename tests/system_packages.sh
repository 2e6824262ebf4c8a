#!/bin/sh
# The programs beside Python that live tests start for real: installed where root and apt-get are there, else left out.
# A test whose program is not there is skipped and says so.
#
#   sh tests/system_packages.sh              WD_TEST_PACKAGES=no leaves all as it is
set -eu
wanted="sshd:openssh-server crontab:cron redis-server:redis-server postgres:postgresql chromium:chromium
prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager runsvdir:runit fish:fish"
missing=""
for pair in $wanted; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if [ "${WD_TEST_PACKAGES:-yes}" = no ] || [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "tests that need these packages are skipped:$missing"
    exit 0
fi
# None of them shall begin to serve on this machine: the tests start what they need themselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
echo "installing for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
install() { timeout 300 apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1; }
# shellcheck disable=SC2086 # one word a package
install $missing || { timeout 120 apt-get update -qq >/dev/null 2>&1 && install $missing; } ||
    echo "apt-get could not install them; the tests that need them are skipped"
