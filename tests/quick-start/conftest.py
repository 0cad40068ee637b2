"""The README's first command, packaging/quick-start/run, as a person sees it.

  tests/pytest quick-start [WORD...]     in a build folder
"""

pytest_plugins = ["harness.isolation"]
