"""What both cells share: the contract, its checks, the providers, the accounts and the tools around them."""
