"""The review page: a local web server on which people label what `query` ranks and judge what `audit` doubts."""
