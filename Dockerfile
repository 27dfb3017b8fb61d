# The workbench: docker build -t petalscope . && docker run -p 8501:8501 -v petalscope:/data petalscope
# The same image has the command line: docker run -v petalscope:/data petalscope train latest
FROM python:3.11-slim

RUN pip install --no-cache-dir uv==0.13.9
COPY requirements.txt /source/
RUN uv pip install --system --no-cache -r /source/requirements.txt hatchling==1.33.0
COPY . /source
RUN uv pip install --system --no-cache --no-deps --no-build-isolation /source && rm -r /source

RUN useradd --create-home --uid 1000 petalscope && install -d -o petalscope /data
USER petalscope
WORKDIR /data
VOLUME /data
ENV PETALSCOPE_WORKSPACE=/data PETALSCOPE_IMPORT_FOLDERS=/home:/photos STREAMLIT_SERVER_ADDRESS=0.0.0.0
EXPOSE 8501
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://localhost:8501/_stcore/health')"
ENTRYPOINT ["petalscope"]
