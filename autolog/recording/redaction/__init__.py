"""What must not be written: secrets, known by the name they stand under or by their shape. Applied before the journal.

A name is judged by how it ends, since its last word says what the thing is: `db_password`, `hf_token` and `X-Api-Key`
are secrets; `token_pattern`, `password_strength`, `tokenizer`, `secretary` and `keyword` are not. Of a nested name
(`clf__auth_token`, `headers.Authorization`) the last part counts.

- True, False, None and floats are never secrets. A whole number is one under a singular name (`password=1234`), and
  is a count under a plural or counting name (`passwords=3`, `n_token=5`).
- A `token` is a secret unless the word before it belongs to language models (`eos_token`, `pad_token`); `tokens` are
  text (`max_tokens`, `stop_tokens`) unless the word before says otherwise (`access_tokens`).

Within text, what follows a secret name is judged by how it is written: `password=x`, `"password": "x"`, `--password x`,
`password: x` on a line of its own, `{password: x}`, `password: str = "x"`, `environ["PASSWORD"] = "x"`,
`setdefault("password", "x")`, `passwords = ["x"]`; so are `-u user:x` and `mysql -px`. Code that
only names a secret (`token = get_token()`, `token=token`) stays.
"""
