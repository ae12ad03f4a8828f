# Replaces gcr.io/distroless/cc-debian13:nonroot if that image cannot be pulled. It has the same Debian packages,
# unpacked, and no shell or package manager.
FROM debian:trixie-slim AS packages
RUN set -eu; \
    apt-get update -q; \
    mkdir /packages /tree; cd /packages; \
    apt-get download -q base-files netbase tzdata libc6 libgcc-s1 libstdc++6; \
    for package in *.deb; do dpkg-deb -x "$package" /tree; done; \
    rm -rf /tree/usr/share/doc /tree/usr/share/man /tree/usr/share/locale; \
    echo 'root:x:0:0:root:/root:/sbin/nologin' > /tree/etc/passwd; \
    echo 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin' >> /tree/etc/passwd; \
    printf 'root:x:0:\nnonroot:x:65532:\n' > /tree/etc/group; \
    echo 'hosts: files dns' > /tree/etc/nsswitch.conf
FROM scratch
COPY --from=packages /tree /
USER 65532
