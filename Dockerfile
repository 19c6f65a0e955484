FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY .streamlit .streamlit
COPY engine engine
COPY pages pages
COPY streamlit_app.py .
RUN useradd --create-home app && install -d -o app -g app /home/app/.cache
USER app
ENV MALLOC_MMAP_THRESHOLD_=131072
EXPOSE 8501
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0"]
