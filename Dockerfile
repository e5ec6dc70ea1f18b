# locpipe with Tesseract, for the processor. How to build and use it: docs/installing.md, "In a container".
FROM python:3.12-slim
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends \
        libgl1 libglib2.0-0 tesseract-ocr && rm -rf /var/lib/apt/lists/*
# An index of torch for the processor alone makes the image several gigabytes smaller.
ARG PIP_EXTRA_INDEX_URL
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir -c constraints.txt '.[heic,rapidocr]'
WORKDIR /work
ENTRYPOINT ["locpipe"]
CMD ["--help"]
