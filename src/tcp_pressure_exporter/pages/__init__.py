"""How a verdict looks: as the status page, as the report, as JSON.

Here may live layout. What is shown, in which order and in which words is verdict/'s to say.
"""
