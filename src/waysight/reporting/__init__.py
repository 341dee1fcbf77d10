"""What leaves the store: exports, searches, reports, dashboards."""
