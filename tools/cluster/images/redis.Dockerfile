# A Redis for the demo and the tests: this machine's redis-server and redis-cli with their libraries.
FROM scratch
COPY . /
USER 65532:65532
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["/usr/bin/redis-server"]
CMD ["--bind", "* -::*", "--dir", "/data"]
