# The test base of the apps: what distroless Node has, made of programs of this machine, since nothing can be pulled.
FROM scratch
COPY . /
USER 65532:65532
ENTRYPOINT ["/nodejs/bin/node"]
