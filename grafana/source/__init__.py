"""The source of the dashboards: `make dashboards` writes ../dashboards/*.json from it."""
