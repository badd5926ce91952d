# SPDX-License-Identifier: BSD-2-Clause
"""The one exception the launcher reports to the user, as one line, with exit status 125."""


class LaunchError(Exception):
    """The launcher cannot do what was asked; the message says what is wrong and what would be right."""
