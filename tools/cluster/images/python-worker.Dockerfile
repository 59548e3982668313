# What examples/python-worker/Dockerfile makes, of this machine's Python and packages that were installed beside it.
FROM scratch
COPY . /
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/packages
USER 65532:65532
ENTRYPOINT ["/usr/bin/python3", "/app/worker.py"]
