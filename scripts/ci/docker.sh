#!/usr/bin/env bash
# Gives the tests what they need from outside: a Docker engine, a registry, and a Python base image.
# What is there already is used as it is, so that it can be called again and does nothing on a machine that has
# all of it. Progress goes to standard error; standard output is lines for `eval`:
#
#   eval "$(scripts/ci/docker.sh)"
#
# On a bare Debian it needs root (or sudo) and apt. Elsewhere bring an engine that can pull images.
set -euo pipefail

home=${LADING_CI_HOME:-$HOME/.cache/lading-ci}
image=lading-test/python:3.11
public=python:3.11-slim
suite=bookworm # the Debian whose Python is 3.11
# The engine has to offer the containerd image store, as hosted runners do; Debian 12's own is too old.
engine_suite=trixie

say() { printf 'docker.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
within() { # SECONDS COMMAND…: until it succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.3
  done
}

apt_updated=
install() { # PACKAGE…
  command -v apt-get >/dev/null || fail "this machine has no apt-get to install $*: please bring a Docker engine"
  [ -n "$apt_updated" ] || as_root apt-get -qq update >&2
  apt_updated=yes
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >"$home/log/apt" 2>&1 ||
    { tail -n 20 "$home/log/apt" >&2; fail "could not install $*"; }
}

# Debian's own archive as this machine reaches it, mirrors included; nothing on other systems.
debian_site() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | awk '!/security/ && !seen++'
}

# Unpacks the newer engine beside the system, which keeps its own packages; runc and iptables stay the system's.
unpack_engine() {
  [ ! -x "$home/engine/usr/sbin/dockerd" ] || return 0
  say "fetching a Docker engine from Debian $engine_suite"
  local apt=$home/apt site
  rm -rf "$apt" "$home/engine.part"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages" "$home/engine.part"
  site=$(debian_site)
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
    "${site:-http://deb.debian.org/debian}" "$engine_suite" >"$apt/sources.list"
  local only=(-o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists"
    -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
  apt-get "${only[@]}" -qq update >&2
  (cd "$apt/packages" && apt-get "${only[@]}" -qq download docker.io docker-cli docker-buildx containerd tini) >&2
  local package
  for package in "$apt"/packages/*.deb; do dpkg-deb -x "$package" "$home/engine.part"; done
  # The names that the engine looks for.
  ln -sf tini-static "$home/engine.part/usr/bin/docker-init"
  mv "$home/engine.part" "$home/engine"
  rm -rf "$apt"
}

engine() {
  ! docker info >/dev/null 2>&1 || return 0
  # A service that is installed and only not running is the machine's own: start that one.
  if [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
    as_root systemctl start docker
    within 60 docker info || fail 'docker.service does not start'
    return
  fi
  install runc iptables ca-certificates
  unpack_engine
  command -v docker >/dev/null || as_root ln -s "$home/engine/usr/bin/docker" /usr/local/bin/docker
  as_root mkdir -p /usr/local/lib/docker/cli-plugins
  as_root ln -sf "$home/engine/usr/libexec/docker/cli-plugins/docker-buildx" /usr/local/lib/docker/cli-plugins/
  printf '{"features": {"containerd-snapshotter": true}}\n' >"$home/daemon.json"
  say 'starting the Docker engine'
  as_root rm -f /var/run/docker.pid
  # A session of its own: it outlives this script, and holds none of its streams.
  as_root env "PATH=$home/engine/usr/sbin:$home/engine/usr/bin:$PATH" \
    setsid dockerd --config-file "$home/daemon.json" >"$home/log/dockerd" 2>&1 </dev/null &
  within 60 as_root docker info || { tail -n 30 "$home/log/dockerd" >&2; fail 'the Docker engine does not start'; }
  docker info >/dev/null 2>&1 || as_root chmod 666 /var/run/docker.sock
}

answers() { [ "$(curl -s -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:$1/v2/")" = 200 ]; }
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

registry() { # sets $port
  command -v curl >/dev/null || install curl ca-certificates
  for port in ${LADING_TEST_REGISTRY_PORT:-5000 5001 5002 5003}; do
    ! answers "$port" || return 0
    ! taken "$port" || continue
    say "starting a registry on 127.0.0.1:$port"
    command -v docker-registry >/dev/null || install docker-registry
    cat >"$home/registry.yml" <<YAML
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: "$home/registry"}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
YAML
    setsid docker-registry serve "$home/registry.yml" >"$home/log/registry" 2>&1 </dev/null &
    within 20 answers "$port" && return
    tail -n 20 "$home/log/registry" >&2
    fail 'the registry does not start'
  done
  fail 'no port for a registry is free: set LADING_TEST_REGISTRY_PORT'
}

# A Debian with Python and pip, as a stand-in for the public image. It trusts what this machine trusts: where images
# cannot be pulled, packages often come through a proxy with a certificate of its own.
bootstrap_image() {
  say "making $image with debootstrap (about a minute)"
  command -v debootstrap >/dev/null || install debootstrap
  local root site
  root=$(mktemp -d)
  site=$(debian_site)
  as_root debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates "$suite" "$root" \
    ${site:+"$site"} >"$home/log/debootstrap" 2>&1 || { tail -n 20 "$home/log/debootstrap" >&2; fail 'debootstrap failed'; }
  as_root cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  as_root ln -sf python3 "$root/usr/bin/python"
  as_root tar -C "$root" --one-file-system --exclude './var/cache/apt/*' --exclude './var/lib/apt/lists/*' --exclude './dev/*' -c . |
    docker import --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
      --change 'ENV PIP_BREAK_SYSTEM_PACKAGES=1' --change 'CMD ["python3"]' - "$image" >/dev/null
  as_root rm -rf "$root"
}

base() {
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    if timeout 120 docker pull -q "$public" >/dev/null 2>&1; then docker tag "$public" "$image"; else bootstrap_image; fi
  fi
  # The same in the registry, where it can be named by digest as users name their base.
  curl -fs -o /dev/null "http://127.0.0.1:$port/v2/python/manifests/3.11" \
    -H 'Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' ||
    { docker tag "$image" "127.0.0.1:$port/python:3.11" && docker push -q "127.0.0.1:$port/python:3.11" >&2; }
}

mkdir -p "$home/log"
engine
registry
base
docker buildx version >/dev/null 2>&1 || fail 'this Docker has no buildx: install the plugin docker-buildx'
say "ready: engine $(docker version --format '{{.Server.Version}}'), registry 127.0.0.1:$port, base $image"
printf 'export LADING_TEST_REGISTRY=127.0.0.1:%s LADING_TEST_BASE=%s\n' "$port" "$image"
