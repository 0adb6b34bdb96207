"""The review page: a local web server to label what `query` ranks and judge what `audit` doubts."""
