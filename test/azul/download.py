"""A download plugin: it "fetches" what was asked for."""

import io

from azul_runner import DownloadJob, DownloadPlugin
from azul_runner.download_plugin import create_download_plugin


class AzulPluginFetch(DownloadPlugin):
    """Brings files that consist of their own names."""

    VERSION = "1"
    CONTACT = "lazuli"

    def execute_download(self, job: DownloadJob):
        self.upload_sourced_file(io.BytesIO(b"fetched " + job.event.entity.hash.encode()), filename="fetched.txt")


if __name__ == "__main__":
    create_download_plugin(AzulPluginFetch).main_loop()
