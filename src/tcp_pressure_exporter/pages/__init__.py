"""How a verdict looks: as the status page, as the report, as JSON.

Layout may live here. What is shown, in which order and in which words, is for verdict/ to say.
"""
