-- The empty signs of one encoding, while nobody writes its gradients; a partition only when it is full.
LOCK TABLE trackstar.{partition} IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE trackstar.{signs} (LIKE trackstar.gradient_signs INCLUDING STORAGE, CHECK (encoding_id = {encoding_id}));
