#!/usr/bin/env bash
# Stand-ins for the images that the Dockerfile and docker-compose.yml start from, under the same tags: for a machine that
# has a Docker engine and the package mirrors of Debian and npm, but can pull no image. Needs root, debootstrap, npm.
#
#   scripts/base-images.sh [scratch folder]
#
# For trying out and testing only: nobody signs or scans these. A tag that is there already is left alone.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
scratch=${1:-${TMPDIR:-/tmp}/cloud-node-base-images}
mkdir -p "$scratch"

tag() { grep -ohE "(FROM|image:) +$1:[^ ]+" "$root/Dockerfile" "$root/docker-compose.yml" | awk '{print $2}' | sort -u; }
have() { docker image inspect "$1" >/dev/null 2>&1; }
build() { # tag, folder
  # The host's network: its mirrors may be reachable from nowhere else.
  docker build --quiet --network host --tag "$1" "$2" >/dev/null && echo "$1 built"
}

debian=cloud-node-stand-in:bookworm
if ! have "$debian"; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Codename: bookworm' 2>/dev/null | sort -u | head -1 || true)
  rm -rf "$scratch/rootfs"
  # shellcheck disable=SC2086 # none known: debootstrap has one of its own
  debootstrap --variant=minbase --include=ca-certificates bookworm "$scratch/rootfs" $mirror >"$scratch/debootstrap.log"
  rm -rf "$scratch"/rootfs/var/cache/apt/archives/*.deb "$scratch"/rootfs/var/lib/apt/lists/*
  # Whom this machine trusts: its mirrors may have certificates of their own.
  cp /etc/ssl/certs/ca-certificates.crt "$scratch/rootfs/etc/ssl/certs/ca-certificates.crt"
  tar -C "$scratch/rootfs" -c . | docker import - "$debian" >/dev/null
fi

for image in $(tag node); do
  have "$image" && continue
  context="$scratch/node" major=$(grep -oE '[0-9]+' <<<"${image#node:}" | head -1)
  arch=$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  rm -rf "$context" && mkdir -p "$context"
  npm install --silent --no-package-lock --prefix "$context" "node-linux-$arch@$major" npm@11
  mv "$context/node_modules/node-linux-$arch/bin/node" "$context/node_modules/npm" "$context" && rm -r "$context/node_modules"
  npm config get registry | sed 's/^/registry=/' >"$context/npmrc"
  cat >"$context/Dockerfile" <<DOCKERFILE
FROM $debian
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && \
  ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && \
  useradd --uid 1000 --user-group --create-home node
CMD ["node"]
DOCKERFILE
  build "$image" "$context"
done

# Users by the numbers of the real images: docker-compose.yml names them.
packaged() { # tag, user's number, user, packages, what else
  local context="$scratch/$3"
  mkdir -p "$context"
  cat >"$context/Dockerfile" <<DOCKERFILE
FROM $debian
RUN groupadd --system --gid $2 $3 && useradd --system --uid $2 --gid $2 $3 && \
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $4 >/dev/null && \
  rm -rf /var/lib/apt/lists/* && $5
DOCKERFILE
  build "$1" "$context"
}
for image in $(tag redis); do
  have "$image" || packaged "$image" 999 redis redis-server 'mkdir -p /data && chown redis:redis /data'
done
for image in $(tag nginx); do
  have "$image" || packaged "$image" 101 nginx 'nginx-light curl' true
done
