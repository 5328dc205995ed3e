-- Whether a halfvec can be read as its bytes.
SELECT EXISTS (SELECT FROM pg_cast
               WHERE castsource = to_regtype('halfvec') AND casttarget = 'bytea'::regtype AND castmethod = 'b');
