# Holds a pod's namespaces.
FROM scratch
COPY . /
USER 65535:65535
ENTRYPOINT ["/busybox", "sleep", "infinity"]
