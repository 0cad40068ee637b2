"""Every query of the dashboards for Prometheus, put to a real one that has the rules loaded."""

import os

from harness.dashboard_case import DashboardCase
from harness.dashboards import FromPrometheus
from harness.installation import SOURCE
from harness.prometheus import SCRAPE, Prometheus

RULES = os.path.join(SOURCE, "grafana", "generated", "prometheus_rules.yaml")


class Dashboards(DashboardCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        scrape = SCRAPE % "'127.0.0.1:%d'" % cls.collectd.port
        text = scrape + "rule_files: ['%s']\n" % RULES
        cls.prometheus = cls.enterClassContext(Prometheus(configuration=text))
        cls.start_targets()

    def test_all(self):
        """with All chosen, every panel, variable and annotation has data"""
        self.episode()
        self.all_answered("prometheus", FromPrometheus(self.prometheus))

    def test_one(self):
        """with one sidecar chosen, every panel and variable has data"""
        self.all_answered("prometheus", FromPrometheus(self.prometheus, "proj"), panels_only=True)

    def test_parts(self):
        """the parts of the panel that takes RSS apart add up to RSS"""
        self.parts_add_up("prometheus", FromPrometheus(self.prometheus, "proj"))
