#!/usr/bin/env bash
# Formats, types and tests of the server in the images: ruff, mypy and pytest in an environment of their own.
#
#   scripts/test-server.sh [pytest options]
#
# PYTHON        the interpreter, 3.11 or newer (default python3)
# LADING_VENV   where the environment is kept (default .venv/server in the project)
# With "tensorflow" installed in the environment its loader is tested too; LADING_TEST_TENSORFLOW=1 installs it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
server=$root/src/image/server
tests=$root/test/image/server
venv=${LADING_VENV:-$root/.venv/server}

stamp=$venv/requirements.sum
sum=$(cat "$tests/requirements.txt" <(echo "${LADING_TEST_TENSORFLOW:-}") | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ]; then
  "${PYTHON:-python3}" -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$tests/requirements.txt"
  if [ "${LADING_TEST_TENSORFLOW:-}" = 1 ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0
  fi
  echo "$sum" >"$stamp"
fi

export PYTHONDONTWRITEBYTECODE=1
config=(--config "$server/pyproject.toml" --no-cache)
"$venv/bin/ruff" format --check "${config[@]}" "$server" "$tests"
"$venv/bin/ruff" check "${config[@]}" "$server" "$tests"

# The package is called lading_server in an image, and server here.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ln -s "$server" "$scratch/lading_server"
(cd "$scratch" && "$venv/bin/mypy" --config-file "$server/pyproject.toml" --cache-dir "$scratch/cache" --package lading_server)
PYTHONPATH=$scratch "$venv/bin/python" -m pytest -q -p no:cacheprovider "$tests" "$@"
