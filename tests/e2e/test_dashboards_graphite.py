"""Every query of the dashboards for Graphite, put to a real graphite-web."""

from harness import collectd_config as config
from harness.dashboard_case import DashboardCase
from harness.dashboards import FromGraphite
from harness.graphite import CarbonCache, GraphiteWeb


class Dashboards(DashboardCase):
    @classmethod
    def setUpClass(cls):
        cls.carbon = cls.enterClassContext(CarbonCache())
        super().setUpClass()
        cls.web = cls.enterClassContext(GraphiteWeb(cls.carbon))
        cls.start_targets()

    @classmethod
    def parts(cls):
        return super().parts() + [config.write_graphite(cls.carbon.port)]

    def test_all(self):
        """with All chosen, every panel, variable and annotation has data"""
        self.episode()
        self.all_answered("graphite", FromGraphite(self.web))

    def test_one(self):
        """with one sidecar chosen, every panel and variable has data"""
        self.all_answered("graphite", FromGraphite(self.web, "proj"), panels_only=True)

    def test_parts(self):
        """the parts of the panel that takes RSS apart add up to RSS"""
        self.parts_add_up("graphite", FromGraphite(self.web, "proj"))
