-- Waits for transactions that are changing texts: those that come after see that the corpus is being counted.
LOCK TABLE trackstar.document IN SHARE MODE;
