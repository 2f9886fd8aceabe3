FROM python:3.13-slim-bookworm AS build
WORKDIR /srv
# The lock has wheels and hashes for everything: no compiler, and no other versions.
COPY requirements.lock .
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements.lock
COPY . .
# The settings require secrets; these are dummies for this one step.
RUN SECRET_KEY=unused AES_KEY=dW51c2VkdW51c2VkdW51c2VkdW51c2VkdW51c2VkMzI= ENV_FILE=/dev/null \
        .venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && .venv/bin/python -m compileall -q config connections insights publishing socialpublishing


FROM python:3.13-slim-bookworm
WORKDIR /srv
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin service
COPY --from=build /srv /srv
# Nothing under /srv is written at run time: the file system may be read-only, with a tmpfs on /tmp.
ENV PATH="/srv/.venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BIND=0.0.0.0 \
    PORT=8000
USER 10001
EXPOSE 8000
# Ready: the database can be reached and is migrated, and the keys are there.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/readyz', timeout=4)"]
# `web` (default), `worker`, or another command of manage.py such as `migrate`
ENTRYPOINT ["python", "manage.py"]
CMD ["web"]
