-- One block of a task's M^(1/2).
INSERT INTO trackstar.task_tensor (task_id, name, dtype, shape, data)
VALUES (%(task_id)s, %(name)s, %(dtype)s, %(shape)s, %(data)s);
